"""heartwire beside what others have, doing the same work on the same machine in the same run."""
