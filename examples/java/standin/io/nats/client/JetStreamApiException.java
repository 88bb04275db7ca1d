package io.nats.client;

public class JetStreamApiException extends Exception {
    private final int code;

    JetStreamApiException(int code, String answer) {
        super(answer);
        this.code = code;
    }

    public int getErrorCode() {
        return code;
    }
}
