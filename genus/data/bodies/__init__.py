"""People as the world `figures` draws them: a body of joints, what they wear, and pictures of both."""
