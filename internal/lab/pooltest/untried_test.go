package pooltest_test

// untriedOnMySQL are the tests that still speak MariaDB's language only.
const untriedOnMySQL = `
	TestChaosLeavesTheBooksBalancedAndNothingBehind
`
