package expression

import "strings"

// Nearest is the candidate that differs least from a name, for "did you mean":
// by the number of characters that are left out, added, replaced or swapped with
// their neighbour, whatever their case. It is empty when more than a third of
// the name differs. Of several that are as near, the first is given.
func Nearest(name string, candidates []string) string {
	wanted := []rune(strings.ToLower(name))
	nearest, least := "", max(1, len(wanted)/3)+1
	for _, candidate := range candidates {
		c := []rune(strings.ToLower(candidate))
		if len(c)-len(wanted) >= least || len(wanted)-len(c) >= least {
			continue
		}
		if d := distance(wanted, c); d < least {
			nearest, least = candidate, d
		}
	}
	return nearest
}

// distance is the optimal string alignment distance,
// https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance.
func distance(a, b []rune) int {
	// above, row and the one under way are the rows i-2, i-1 and i of the matrix.
	above, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			replace := row[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			next[j] = min(replace, row[j]+1, next[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], above[j-2]+1)
			}
		}
		above, row, next = row, next, above
	}
	return row[len(b)]
}
