package io.nats.client.api;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class StreamInfo {
    private final String answer;

    public StreamInfo(String answer) {
        this.answer = answer;
    }

    public StreamConfiguration getConfiguration() {
        return new StreamConfiguration();
    }

    public StreamState getStreamState() {
        return new StreamState();
    }

    private String find(String pattern) {
        Matcher m = Pattern.compile(pattern).matcher(answer);
        if (!m.find()) {
            throw new IllegalArgumentException("no answer about a stream: " + answer);
        }
        return m.group(1);
    }

    public class StreamConfiguration {
        public List<String> getSubjects() {
            return List.of(find("\"subjects\":\\[\"(.*?)\"\\]").split("\",\""));
        }
    }

    public class StreamState {
        public long getLastSequence() {
            return Long.parseLong(find("\"last_seq\":(\\d+)"));
        }
    }
}
