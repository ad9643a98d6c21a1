"""The section `classifier`."""

from pydantic import Field

from diffcredit.config.sections import Count, Rate, Section, Several


class Classifier(Section):
    """The small network whose features and predictions measure the samples."""

    channels: Count = Field(32, description="channels of the first layer, 1 or more")
    features: Several = Field(64, description="size of the feature vector, 2 or more")
    steps: Count = Field(250, description="training steps, 1 or more")
    batch_size: Count = Field(128, description="images in a step, 1 or more")
    learning_rate: Rate = Field(2e-3, description="a number above 0")
