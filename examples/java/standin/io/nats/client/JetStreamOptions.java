package io.nats.client;

import java.time.Duration;

public class JetStreamOptions {
    final Duration requestTimeout;

    private JetStreamOptions(Duration requestTimeout) {
        this.requestTimeout = requestTimeout;
    }

    public static Builder builder() {
        return new Builder();
    }

    public static class Builder {
        private Duration requestTimeout = Duration.ofSeconds(2);

        public Builder requestTimeout(Duration timeout) {
            requestTimeout = timeout;
            return this;
        }

        public JetStreamOptions build() {
            return new JetStreamOptions(requestTimeout);
        }
    }
}
