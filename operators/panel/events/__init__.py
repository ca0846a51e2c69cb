"""Events of the Clusters panel, one mixin per file."""
