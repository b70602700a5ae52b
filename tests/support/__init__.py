"""What tests share: inputs, stand-ins, readers."""
