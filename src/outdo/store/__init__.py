"""Where bytes and facts live: objects by content, the workspace, the ledger."""
