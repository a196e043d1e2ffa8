"""The review page: a person looks at doubtful faces and decides; every decision is a line of review.csv at once."""
