"""What plans and previews read: definitions to be shown, and runs that are loaded already."""
