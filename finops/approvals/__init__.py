"""The life of a finding: who was asked, who answered, what may be done and until when."""
