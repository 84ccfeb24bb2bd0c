package cost

import "math"

// Load is what publishers send, steadily.
type Load struct {
	EventsPerSecond float64
	// PerMessage is how many events a publisher puts into a message: 1 or Many.
	PerMessage int
}

// What the services do by the clock. They are constants of the services, which
// do not export them: a test holds what follows from them against a counted run.
const (
	linger       = 0.1          // s that a message waits for company in a stage: linger in shared/stage
	batchMost    = 1000         // messages of a stage's batch: batchMessages in shared/stage
	packRaw      = 180 << 10    // bytes of events in a pack before compression: maxRaw in shared/pack
	maskedRaw    = 64           // bytes of a masked event before compression, about
	pollers      = 4            // receives under way for each consumer: Pollers in shared/queue
	longPoll     = 20.0         // s until a receive comes back empty: longPoll in shared/queue
	perCall      = 10           // messages in a call to SQS or SNS
	flushBytes   = 32 << 20     // bytes of bodies at which the aggregator does not wait for FLUSH_INTERVAL
	alertEvery   = 60.0         // s between alerts of a category: AlertInterval in shared/quarantine
	metricsEvery = 10.0         // s between lines of metrics in the log: shared/service
	snsMost      = 256 << 10    // bytes of one call to SNS
	second       = 1.0          // s for which a publisher gathers messages for a call
	roundTrip    = 0.010        // s of a receive that finds a message: assumed
	overhead     = 1500         // bytes of headers, TLS and TCP for a request and its answer: assumed
	safety       = 2.0          // tasks have so many times the processors that the run took: assumed
	month        = 730 * 3600.0 // s
	day          = 24 * 3600.0  // s
)

// Hop is what one service does with its input queue, per second.
type Hop struct {
	Tasks    int
	Messages float64 // that come in
	Receives float64 // that bring something
	Empty    float64 // receives that bring nothing
	Batches  float64
	Deletes  float64
	Sends    float64 // calls to the next queue
	Packs    float64 // messages to the next queue
	// Units are those of SQS, of all calls; Bytes what goes over the network.
	Units, Bytes float64
}

// Rates is what a flow does per second.
type Rates struct {
	Publishes, PublishUnits          float64 // calls to SNS, and units of 64 KB
	Deliveries                       float64 // messages to Firehose, in units of 64 KB
	RecordUnits                      float64 // of Firehose, each of 5 KB
	LakePuts, QuarantinePuts, Alerts float64
	Stages                           [2]Hop // validator, masker
	Aggregator, Finals               Hop
	PartialPuts, PartialGets         float64
	FinalPuts, FinalGets             float64
	Heads, Lists                     float64 // a list may have several pages
	LogBytes                         float64
}

// steady works out the rates of a flow at a load. Arrivals are evenly spaced, as
// are those of batches. At load 0 what is left is polling.
func steady(l Load, z sizes, services [3]Service, s Stack) Rates {
	var r Rates
	messages := l.EventsPerSecond / z.events
	if l.EventsPerSecond > 0 {
		// A publisher fills calls as far as one second's messages and SNS allow.
		call := min(max(messages*second, 1), perCall, max(math.Floor(snsMost/z.message), 1))
		r.Publishes = messages / call
		r.PublishUnits = r.Publishes * chunks(call*z.message)
	}
	toLake := messages * z.lakeShare
	r.Deliveries = toLake * chunks(z.message)
	r.RecordUnits = toLake * z.recordUnits
	if toLake > 0 {
		r.LakePuts = max(1/(s.Buffer.Seconds()+1/toLake), toLake*z.message/s.BufferBytes)
	}
	tasks := tasksFor(l, z, services)
	valid := l.EventsPerSecond * z.kept

	validator := receive(messages, z.message, z.wire, tasks[0])
	validator.stage(valid, z.packed, z.message/z.events)
	masker := receive(validator.Packs, perMessage(valid*z.packed, validator.Packs), 1, tasks[1])
	masker.stage(valid, z.masked, maskedRaw)
	r.Stages = [2]Hop{validator, masker}
	rejected := l.EventsPerSecond * z.rejected
	if validator.Batches > 0 && z.categories > 0 {
		// An object for each category that is in a batch; of c equally frequent
		// ones, n events of a batch hit c (1 - exp(-n/c)).
		perCategory := rejected / validator.Batches / z.categories
		r.QuarantinePuts = validator.Batches * z.categories * (1 - math.Exp(-perCategory))
	}
	r.Alerts = min(rejected, z.categories*float64(tasks[0])/alertEvery)
	r.aggregate(valid*z.masked, masker.Packs, tasks[2], services[2])
	if messages > 0 {
		all := float64(tasks[0] + tasks[1] + tasks[2])
		// A line of each task, and one for each category of rejections.
		r.LogBytes = z.logLine * (all/metricsEvery + min(rejected, z.categories*float64(tasks[0])/metricsEvery))
	}
	return r
}

func perMessage(bytes, messages float64) float64 {
	if messages == 0 {
		return 0
	}
	return bytes / messages
}

// chunks gives the units of 64 KB of a call.
func chunks(bytes float64) float64 { return max(1, math.Ceil(bytes/(64<<10))) }

// tasksFor gives how many tasks each service has: enough for a third of the
// processor time that the whole run took, and for the receives, and not fewer
// than the stack starts.
func tasksFor(l Load, z sizes, services [3]Service) (tasks [3]int) {
	for i, service := range services {
		need := l.EventsPerSecond * z.cpu * safety / 3 / service.VCPU
		if i == 0 {
			need = max(need, l.EventsPerSecond/z.events/(pollers*perCall/roundTrip))
		}
		tasks[i] = max(service.Min, int(math.Ceil(need)))
	}
	return tasks
}

// receive is how a consumer with so many tasks takes messages of a size.
func receive(messages, size, wire float64, tasks int) Hop {
	h := Hop{Tasks: tasks, Messages: messages}
	n := float64(tasks * pollers)
	// While a poller waits, each message is a receive; at most each poller has
	// one every round trip, and each brings at most 10.
	h.Receives = max(messages/perCall, min(messages, n/roundTrip))
	// With receives that find something at random times, of those that wait
	// exp(-20 s × rate) wait in vain.
	if rate := h.Receives / n; rate > 0 {
		vain := math.Exp(-longPoll * rate)
		h.Empty = n * rate * vain / (1 - vain)
	} else {
		h.Empty = n / longPoll
	}
	h.Units, h.Bytes = h.Empty, (h.Receives+h.Empty)*overhead+messages*size*wire
	if h.Receives > 0 {
		h.Units += h.Receives * chunks(messages*size/h.Receives)
	}
	return h
}

// batch says that so many batches of messages are handled, and deletes them: in
// calls of 10, of which the last one of a batch is half full on average.
func (h *Hop) batch(batches float64) {
	h.Batches = batches
	if batches == 0 {
		return
	}
	h.Deletes = batches
	if n := h.Messages / batches; n > 1 {
		h.Deletes = max(batches, h.Messages/perCall+0.45*batches)
	}
	h.Units += h.Deletes
	h.Bytes += h.Deletes * overhead
}

// stage is what a stage does with its batches: so many events a second go on, of
// so many bytes packed, and raw before.
func (h *Hop) stage(events, packed, raw float64) {
	if h.Messages == 0 {
		return
	}
	// The first message of a batch waits for those that come within the linger.
	n := min(batchMost, 1+math.Floor(linger*h.Messages/float64(h.Tasks)))
	h.batch(h.Messages / n)
	inBatch := events / h.Batches
	packs := max(1, math.Ceil(inBatch*raw/packRaw))
	calls := math.Ceil(packs / perCall)
	h.Packs, h.Sends = h.Batches*packs, h.Batches*calls
	h.Units += h.Sends * chunks(inBatch*packed/calls)
	h.Bytes += h.Sends*overhead + events*packed
}

// aggregate is what the aggregator does: by the clock as soon as there is
// anything to do.
func (r *Rates) aggregate(bytes, messages float64, tasks int, service Service) {
	r.Aggregator = receive(messages, perMessage(bytes, messages), 1, tasks)
	n := float64(tasks)
	var flushes float64
	if messages > 0 {
		// FLUSH_INTERVAL begins with the first message after a flush.
		flushes = max(n/(service.Flush.Seconds()+n/messages), bytes/flushBytes)
	}
	r.Aggregator.batch(flushes)
	// A flush touches the hour that now is, if events come in time.
	r.PartialPuts = flushes
	r.Aggregator.Sends, r.Aggregator.Packs = flushes, flushes
	r.Aggregator.Units += flushes
	r.Aggregator.Bytes += flushes * overhead

	const finalsMessage = 100 // bytes
	r.Finals = receive(flushes, finalsMessage, 1, tasks)
	r.Finals.batch(flushes)
	// Each message looks at the hour's final. It is written again when it is
	// REFRESH_INTERVAL old, by one of the tasks, which lists the partials and
	// reads those that it has not read; so in the end each task reads each one.
	if flushes > 0 {
		r.FinalPuts = min(flushes, 1/service.Refresh.Seconds())
	}
	r.Heads = flushes
	r.Lists = r.FinalPuts
	r.PartialGets = flushes * n
	r.FinalGets = r.FinalPuts * (n - 1) / n
}
