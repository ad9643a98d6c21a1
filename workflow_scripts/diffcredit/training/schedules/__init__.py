"""Learning-rate schedules: what the rate is multiplied by after the warm-up.

A new schedule is a class of one file here that derives from `schedule.Schedule`, and one line in
the registry.
"""
