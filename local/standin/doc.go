// Package standin is a stand-in for the parts of AWS that a pipeline of queues
// uses: SQS, SNS and S3, on one listener that any AWS SDK or CLI can talk to, and
// Firehose behind SNS. Queues and topics live in memory, objects in a folder. It is a module of its
// own and knows nothing of Headcount: whoever starts it creates the resources, by
// the SDK or in the process.
//
// It is a tool for one machine. It checks no signatures and no permissions, so
// it listens on the loopback interface only, and refuses what a web page sends.
//
// Begin with Start. Each service is a package: its behaviour, whose clock is
// package time alone, is apart from its protocol in http.go.
package standin
