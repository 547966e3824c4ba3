// Package labtest is what the tests against the laboratory's servers have in common. Each function that takes a test ends it when
// what it does fails, with t.Fatal, unless it says otherwise; such a function is called from the test's own goroutine. What a
// function starts or opens is closed when the test ends.
//
// A package whose TestMain calls [Main] runs its tests once on each family of servers, MariaDB and MySQL, both at the same time. One family
// is picked by a flag:
//
//	go test ./internal/lab/sessiontest -weir.server=mysql
//
// [Kind] is the family of the running process, [Only] skips a test on the other one.
package labtest
