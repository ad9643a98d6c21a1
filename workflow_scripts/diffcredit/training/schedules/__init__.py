"""Learning-rate schedules: factors of the learning rate after the warm-up.

A new schedule is one class in a file here, derived from `schedule.Schedule`, and one line in the
registry.
"""
