"""The statements of loading: start requests, handled starts, and the schedules in force."""
