package standin

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"

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
	queues, objects := c.SQS.Handler(), c.countObjects(c.S3.Handler())
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
		case target != "":
			name, action, _ := strings.Cut(target, ".")
			if service != "" {
				name = service
			}
			missing(w, name+" "+action)
		case r.Method == http.MethodPost && isForm && service != "s3":
			c.serveForm(w, r, service)
		case service != "" && service != "s3":
			missing(w, service+" "+r.Method+" "+r.URL.Path)
		default:
			objects.ServeHTTP(w, r)
		}
	})
}

// missing answers in JSON that the stand-in does not have what was asked for.
func missing(w http.ResponseWriter, what string) {
	refusal := protocol.Missing("NotImplementedException", what)
	protocol.Write(w, "application/x-amz-json-1.1", uuid.NewString(), refusal.HTTPStatus(), refusal.JSON(refusal.Code))
}

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

// signed is key, date, region and service of a signature, in a header or in the query
// of a presigned URL of S3.
var signed = regexp.MustCompile(`Credential=[^,&]*/[^,&/]*/[^,&/]*/([^,&/]*)/aws4_request`)

// scope names the service that the request was signed for, or nothing.
func scope(r *http.Request) string {
	query, _ := url.QueryUnescape(r.URL.RawQuery) // What cannot be read names nothing.
	if match := signed.FindStringSubmatch(r.Header.Get("Authorization") + "&" + query); match != nil {
		return match[1]
	}
	return ""
}

// serveForm answers the query protocol.
func (c *Cloud) serveForm(w http.ResponseWriter, r *http.Request, service string) {
	body, err := protocol.ReadAll(w, r, maxForm)
	form, bad := url.ParseQuery(string(body))
	what := strings.TrimSpace(service + " " + form.Get("Action"))
	if service == "sqs" {
		what += " in the query protocol: use an SDK that speaks JSON to SQS"
	}
	switch err := errors.Join(err, bad); {
	case err != nil:
		sns.WriteError(w, protocol.Refuse("MalformedInput", "%s", err))
	case service == "sns", service == "" && form.Get("Version") == sns.Version:
		c.SNS.Serve(w, r, form)
	default:
		sns.WriteError(w, protocol.Missing(sns.InvalidAction, what))
	}
}
