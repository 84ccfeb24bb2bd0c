// Package queue is the one way in which Headcount's services consume and fill
// SQS queues.
//
// # Delivery
//
// Delivery is at least once, in no order. A message is deleted only after the
// handler has said that it is done, so what a handler does must bear to be done
// twice: a task may die between the work and the deletion, a deletion may fail,
// and SQS itself delivers some messages twice. No message is lost: whatever is
// not deleted becomes visible again.
//
// For each message of a batch the handler gives one of three outcomes:
//
//   - nil: done. The message is deleted.
//   - an error: failed. The message goes back to the queue, hidden for a time
//     that doubles with each receive; the others of its batch are not affected.
//     The queue's maxReceiveCount moves what keeps failing to its dead-letter
//     queue.
//   - an error wrapped by [Stop]: the service cannot go on. The message goes
//     back at once, and [Consumer.Run] ends with the error.
//
// A rejection is no outcome of its own: the handler puts a faulty event away
// and says done.
//
// # Outages
//
// While what the handler writes to is down, every message would fail, and an
// hour of that would move a whole queue into its dead-letter queue. So after a
// failed batch nothing is received or handed over until Settings.Probe passes;
// what is held already waits, kept invisible. When whole batches keep failing
// although the probe passes, the pauses between them grow.
//
// A receive that fails is tried again, with pauses that grow to 30 s. Before the
// first that succeeds, Settings.Refused decides which answers are final: there is no
// such queue, or it is not for this service.
//
// # Stopping
//
// A cancelled context is a soft stop: nothing more is received, what waits is
// handed over at once, and work in progress is finished. After
// Settings.StopTimeout the handlers' context is cancelled too, and what is not
// settled is given back to the queue, visible at once.
package queue
