"""Feature maps as boxes, as in the pictures of the LeNet, AlexNet and U-Net papers.

A map of C x H x W is a cuboid: as thick as the square root of its channels, with sides by the square root of its
resolution. A 1-d map is a bar, a vector a strip, a volume a cube whose channels are told. What makes a map is said
above it. A net whose resolution falls and rises again is drawn as a U.
"""

from netspec.diagram.styles.volumes.picture import volumes, volumes_on

__all__ = ["volumes", "volumes_on"]
