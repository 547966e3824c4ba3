package mysqlpool

import "github.com/weirpool/weir/internal/sqltext"

// mostShown is how much of a statement's text is shown, in bytes.
const mostShown = 120

// shown is the beginning of a text, read under m, as people may see it.
func shown(text string, m sqltext.Modes, full bool) string {
	switch {
	case !full:
		return sqltext.Mask(text, m, mostShown)
	case len(text) > mostShown:
		return text[:mostShown] + "..."
	}
	return text
}

// shown is the beginning of a text that was sent to b, as people may see it.
func (b *backend) shown(text string) string {
	return shown(text, b.state.reads(b.birth.modes), b.verbatim)
}
