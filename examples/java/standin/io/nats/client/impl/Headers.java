package io.nats.client.impl;

import java.util.LinkedHashMap;
import java.util.Map;

public class Headers {
    private final Map<String, String> lines = new LinkedHashMap<>();

    public Headers() {}

    public Headers(Headers other) {
        lines.putAll(other.lines);
    }

    public Headers add(String key, String... values) {
        lines.put(key, values[0]);
        return this;
    }

    public String encoded() {
        StringBuilder s = new StringBuilder("NATS/1.0\r\n");
        lines.forEach((k, v) -> s.append(k).append(": ").append(v).append("\r\n"));
        return s.append("\r\n").toString();
    }
}
