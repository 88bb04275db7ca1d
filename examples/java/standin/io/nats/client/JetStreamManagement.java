package io.nats.client;

import io.nats.client.api.StreamInfo;
import java.io.IOException;
import java.time.Duration;

public class JetStreamManagement {
    private final Connection nc;

    JetStreamManagement(Connection nc) {
        this.nc = nc;
    }

    public StreamInfo getStreamInfo(String name) throws IOException, JetStreamApiException {
        String subject = "$JS.API.STREAM.INFO." + name;
        return new StreamInfo(JetStream.checked(nc.request(subject, null, new byte[0], Duration.ofSeconds(5))));
    }
}
