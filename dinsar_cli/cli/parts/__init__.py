"""What commands share beside their options."""
