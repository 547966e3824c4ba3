// Package trackertest holds the oracle of the statement classifier: every
// statement of its corpus is run on a real server of each family that knows it, and
// what the session tracker and direct questions then say about the session is
// compared with its class.
package trackertest
