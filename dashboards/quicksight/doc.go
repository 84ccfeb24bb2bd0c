// Package quicksight is a module for QuickSight definitions as JSON, as
// CreateDashboard and CreateAnalysis take them. It is for any definition, and knows
// nothing of Headcount.
//
// Begin with definition, which reads a definition strictly and finds what the API
// would refuse. It reads calculated fields by expression, a parser of QuickSight's
// expressions with a table of its functions. Neither draws nor evaluates anything:
// local/preview does.
package quicksight
