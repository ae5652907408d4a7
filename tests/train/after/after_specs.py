"""Specs whose runs several tests look at after their training."""

GAP = """\
net Gap(classes: int = 10, width: int = 6) {
  input image [1, 8, 8]
  conv(width, 3, pad=1) -> batchnorm -> relu
  conv(12, 3, pad=1) -> relu
  global_avgpool -> flatten
  dropout(0.3)
  fc = linear(classes)
}

train {
  data      digits
  loss      cross_entropy
  augment   normalize
  optimizer adam(lr=0.02)
  metrics   [accuracy, f1]
  epochs    3
  batch     100
}
"""
"""Ends in global average pooling and a linear layer, and meets normalised samples."""

MASKS = """\
net Masks {
  input image [1, 12, 12]
  conv(4, 3, pad=1) -> relu
  conv(3, 1)
}

train {
  data      npz("masks.npz")
  loss      cross_entropy
  optimizer adam(lr=0.02)
  metrics   [accuracy, iou]
  epochs    2
  batch     10
}
"""
"""Says of each pixel which of three classes it is."""

LINE = """\
net Line {
  input x [4]
  linear(1)
}

train {
  data      npz("line.npz")
  loss      mse
  optimizer adam(lr=0.05)
  epochs    3
}
"""
"""A number for each sample."""

TWINS = """\
net Twins {
  input left [1, 8, 8]
  input right [1, 8, 8]

  shared embed = {
    conv(8, 3, pad=1) -> relu -> maxpool(2)
    flatten -> linear(16)
  }
  let a = left -> embed
  let b = right -> embed
  output distance = norm(a - b)
}

train {
  data      pairs(digits)
  augment   normalize
  loss      contrastive
  optimizer adam(lr=0.01)
  epochs    3
  batch     100
}
"""
"""Takes two digits, and gives a small distance where they are the same."""
