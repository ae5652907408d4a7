"""Specs that several tests train."""

DIGITS = """\
net Small(classes: int = 10) {
  input image [1, 8, 8]
  conv(8, 3, pad=1) -> batchnorm -> relu
  flatten
  dropout(0.3)
  linear(classes)
}

train {
  data      digits
  loss      cross_entropy
  optimizer adam(lr=0.01)
  epochs    2
  batch     100
}
"""
"""A net with batch normalisation and dropout that learns the digits in seconds."""
