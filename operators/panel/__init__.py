"""The Clusters panel: state, cards, charts, toolbars. May import ``inputs``, ``outputs`` and every wing above."""
