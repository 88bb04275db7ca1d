package io.nats.client;

public class PublishOptions {
    final String messageId;
    final String expectedStream;

    private PublishOptions(Builder b) {
        messageId = b.messageId;
        expectedStream = b.expectedStream;
    }

    public static Builder builder() {
        return new Builder();
    }

    public static class Builder {
        private String messageId;
        private String expectedStream;

        public Builder messageId(String id) {
            messageId = id;
            return this;
        }

        public Builder expectedStream(String stream) {
            expectedStream = stream;
            return this;
        }

        public PublishOptions build() {
            return new PublishOptions(this);
        }
    }
}
