package io.nats.client.api;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class PublishAck {
    private final long seqno;
    private final boolean duplicate;

    public PublishAck(String answer) {
        Matcher seq = Pattern.compile("\"seq\":(\\d+)").matcher(answer);
        if (!seq.find()) {
            throw new IllegalArgumentException("no acknowledgement: " + answer);
        }
        seqno = Long.parseLong(seq.group(1));
        duplicate = Pattern.compile("\"duplicate\": ?true").matcher(answer).find();
    }

    public long getSeqno() {
        return seqno;
    }

    public boolean isDuplicate() {
        return duplicate;
    }
}
