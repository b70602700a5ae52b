"""A map against the truth, against GNSS, against another track."""
