"""The golden models: small QKeras models over every layer, graph form and file form."""
