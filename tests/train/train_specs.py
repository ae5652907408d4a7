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

EVERYTHING = """\
net Small {
  input image [1, 8, 8]
  conv1 = conv(4, 3, pad=1) -> batchnorm -> relu
  flatten
  dropout(0.3)
  fc = linear(10)
}

train {
  data      digits
  augment   random_crop(8, pad=1) -> hflip
  loss      cross_entropy
  optimizer adamw(lr=0.01)
  schedule  cosine(warmup=1)
  epochs    3
  batch     100
  ema       0.99
  clip      1.0
  stop      patience(5)
}
"""
"""A net whose training draws random numbers in every step and remembers as much as one can."""

PLAIN = """\
net Plain {
  input image [1, 8, 8]
  conv(4, 3, pad=1) -> relu
  flatten
  linear(10)
}

train {
  data      digits
  loss      cross_entropy
  optimizer sgd(lr=0.1, momentum=0.9)
  epochs    2
  batch     101
  clip      0.5
}
"""
"""A net without batch statistics or randomness, so that it does not matter how a batch is divided."""

SIAMESE = """\
net Siamese {
  input left [1, 8, 8]
  input right [1, 8, 8]

  shared embed = {
    conv(8, 3, pad=1) -> batchnorm -> relu -> maxpool(2)
    flatten -> dropout(0.1) -> linear(16)
  }
  let a = left -> embed
  let b = right -> embed
  output distance = norm(a - b)
}

train {
  data      pairs(digits)
  augment   random_crop(8, pad=1) -> normalize
  loss      contrastive
  optimizer adam(lr=0.01)
  epochs    2
  batch     100
}
"""
"""A net of two inputs that says whether two digits are the same; it draws pairs, crops and dropout."""

GAN = """\
net Small {
  input image [1, 8, 8]
  input z [4]
  shared discriminator = { conv(4, 3, stride=2, pad=1) -> leaky_relu(0.2) -> flatten -> dropout(0.2) -> linear(1) }
  generator = z -> { linear(64, bias=false) -> batchnorm -> relu -> linear(64) -> sigmoid -> reshape([1, 8, 8]) }
  output fake = generator
  output on_real = image -> discriminator
  output on_fake = generator -> discriminator
}

train {
  data   digits
  draw z normal
  step discriminator {
    loss      bce(on_real, 1) + bce(on_fake, 0)
    optimizer sgd(lr=0.1, momentum=0.9)
  }
  step generator {
    loss      bce(on_fake, 1)
    optimizer adam(lr=0.003)
  }
  epochs 2
  batch  360
}
"""
"""Two steps on each batch, of which the second goes through what the first one trains."""
