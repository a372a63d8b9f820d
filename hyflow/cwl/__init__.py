"""CWL: documents in, a compiled Program out; jobs bound to tasks and their outputs collected. Knows no site and no connector."""
