package io.nats.client;

import io.nats.client.api.PublishAck;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class JetStream {
    private static final Pattern ERROR = Pattern.compile("\"error\":\\{\"code\":(\\d+)");
    private final Connection nc;
    private final JetStreamOptions options;

    JetStream(Connection nc, JetStreamOptions options) {
        this.nc = nc;
        this.options = options;
    }

    public PublishAck publish(String subject, Headers headers, byte[] body, PublishOptions o)
        throws IOException, JetStreamApiException {
        Headers merged = new Headers(headers); // the caller's stay as they are
        if (o.messageId != null) {
            merged.add("Nats-Msg-Id", o.messageId);
        }
        if (o.expectedStream != null) {
            merged.add("Nats-Expected-Stream", o.expectedStream);
        }
        return new PublishAck(checked(nc.request(subject, merged, body, options.requestTimeout)));
    }

    static String checked(String answer) throws JetStreamApiException {
        Matcher error = ERROR.matcher(answer);
        if (error.find()) {
            throw new JetStreamApiException(Integer.parseInt(error.group(1)), answer);
        }
        return answer;
    }
}
