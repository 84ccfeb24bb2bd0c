package standin

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/sns"
	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// maxForm is the largest form that is read: a full batch, each of its bytes
// written as %XX, and the names around it.
const maxForm = 2 << 20

// handler routes a request to its service: JSON by X-Amz-Target, SNS by its form,
// S3 as what is left.
func (c *Cloud) handler() http.Handler {
	queues, streams, objects := c.SQS.Handler(), c.Firehose.Handler(), c.countObjects(c.S3.Handler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r) {
			http.Error(w, "headcount's stand-in for AWS serves programs of this machine, not web pages", http.StatusForbidden)
			return
		}
		target, service := r.Header.Get("X-Amz-Target"), scope(r)
		isForm := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
		switch {
		case strings.HasPrefix(target, sqs.Target):
			queues.ServeHTTP(w, r)
		case strings.HasPrefix(target, firehose.Target):
			streams.ServeHTTP(w, r)
		case target != "":
			name, action, _ := strings.Cut(target, ".")
			if service != "" {
				name = service
			}
			protocol.WriteError(w, protocol.Missing(notImplementedCode, name+" "+action))
		case r.Method == http.MethodPost && isForm && service != "s3":
			c.serveForm(w, r, service)
		case service != "" && service != "s3":
			protocol.WriteError(w, protocol.Missing(notImplementedCode, service+" "+r.Method+" "+r.URL.Path))
		default:
			objects.ServeHTTP(w, r)
		}
	})
}

const notImplementedCode = "NotImplementedException"

// isLocal refuses what a page in a browser sends, whatever name it has found
// for this address: there is no other protection.
func isLocal(r *http.Request) bool {
	if r.Header.Get("Origin") != "" {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && address.IsLoopback()
}

// scope names the service that the request was signed for, or nothing.
func scope(r *http.Request) string {
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		credential = "" // It may be in the query: a presigned URL of S3.
		if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
			credential = r.URL.Query().Get("X-Amz-Credential")
		}
	}
	credential, _, _ = strings.Cut(credential, ",")
	parts := strings.Split(credential, "/") // key, date, region, service, aws4_request
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}

// serveForm answers the query protocol.
func (c *Cloud) serveForm(w http.ResponseWriter, r *http.Request, service string) {
	body, err := protocol.ReadAll(w, r, maxForm)
	form, bad := url.ParseQuery(string(body))
	if err := errors.Join(err, bad); err != nil {
		sns.WriteError(w, protocol.Refuse("MalformedInput", "%s", err))
		return
	}
	switch {
	case service == "sns", service == "" && form.Get("Version") == sns.Version:
		c.SNS.Serve(w, r, form)
	case service == "sqs":
		sns.WriteError(w, protocol.Missing(sns.InvalidAction, "sqs "+form.Get("Action")+" in the query protocol: use an SDK that speaks JSON to SQS"))
	default:
		sns.WriteError(w, protocol.Missing(sns.InvalidAction, strings.TrimSpace(service+" "+form.Get("Action"))))
	}
}
