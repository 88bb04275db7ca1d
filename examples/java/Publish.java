import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamOptions;
import io.nats.client.Nats;
import io.nats.client.PublishOptions;
import io.nats.client.api.PublishAck;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;

/**
 * Publishes membership events, a refresh and an erasure for Rollcall, with NATS' own client for Java (io.nats:jnats),
 * on Java 17 or later. docs/publishing.md explains the rules that the comments name.
 *
 * <pre>NATS_URL=nats://127.0.0.1:4222 java -cp jnats.jar Publish.java</pre>
 */
public class Publish {
    static final String STREAM = "SEGMENT_EVENTS";
    static final String SOURCE = "/segmentation/example-java";
    static final Duration ACK_WAIT = Duration.ofSeconds(2); // for one acknowledgement
    static final Duration PATIENCE = Duration.ofSeconds(30); // rule 2: at least 15 s, for an election
    static final int WINDOW = 64; // rows of a refresh on their way at once

    private final JetStream js;
    private final JetStreamManagement jsm;
    private final boolean keyed; // the stream's form: a membership's subject names the profile

    Publish(Connection nc) throws IOException, JetStreamApiException {
        js = nc.jetStream(JetStreamOptions.builder().requestTimeout(ACK_WAIT).build());
        jsm = nc.jetStreamManagement();
        keyed = jsm.getStreamInfo(STREAM).getConfiguration().getSubjects().contains("segments.membership.*.*");
    }

    /** The profile's id where it can stand in a subject, else a hash of it. */
    static String profileKey(String profile) throws Exception {
        if (profile.matches("[A-Za-z0-9_-]{1,64}")) {
            return profile;
        }
        byte[] sum = MessageDigest.getInstance("SHA-256").digest(profile.getBytes(StandardCharsets.UTF_8));
        return "~" + HexFormat.of().formatHex(sum).substring(0, 32);
    }

    /** An answer of the stream, and whether the first try got it. */
    record Stored(PublishAck ack, boolean first) {}

    /** Returns the event's sequence once the stream has it. */
    long publish(String subject, String type, Map<String, ?> data) throws Exception {
        Instant deadline = Instant.now().plus(PATIENCE);
        while (true) {
            String id = UUID.randomUUID().toString(); // rule 1: new for each publication
            Map<String, Object> event = new LinkedHashMap<>();
            event.put("specversion", "1.0");
            event.put("id", id);
            event.put("source", SOURCE);
            event.put("type", type);
            event.put("time", Instant.now().toString());
            event.put("datacontenttype", "application/json");
            event.put("data", data);
            Stored stored = store(subject, id, json(event).getBytes(StandardCharsets.UTF_8), deadline);
            if (stored.ack.isDuplicate() && stored.first) {
                continue; // rule 3: somebody used that id before, so this event is not there
            }
            return stored.ack.getSeqno();
        }
    }

    /** Tries with one id until there is an answer. */
    Stored store(String subject, String id, byte[] body, Instant deadline) throws Exception {
        PublishOptions options = PublishOptions.builder().messageId(SOURCE + "#" + id).expectedStream(STREAM).build();
        Headers headers = new Headers().add("content-type", "application/cloudevents+json");
        for (boolean first = true; ; first = false) {
            try {
                return new Stored(js.publish(subject, headers, body, options), first);
            } catch (JetStreamApiException refused) {
                if (refused.getErrorCode() < 500 || Instant.now().isAfter(deadline)) {
                    throw refused; // no later try heals it
                }
            } catch (IOException unknown) { // rule 2: no answer means unknown
                if (Instant.now().isAfter(deadline)) {
                    throw unknown;
                }
            }
            Thread.sleep(250);
        }
    }

    /** Says that a profile is in a segment ("entered") or not in it any more ("exited"). */
    long change(String segment, String profile, String change, Map<String, ?> attributes) throws Exception {
        String subject = "segments.membership." + segment + (keyed ? "." + profileKey(profile) : "");
        return publish(subject, "rollcall.membership.changed.v1",
            Map.of("segment_id", segment, "profile_id", profile, "change", change, "attributes", attributes));
    }

    /** Publishes a segment as a whole. Where a row fails there is no refreshed, and nobody leaves. */
    void refresh(String segment, Map<String, Map<String, ?>> members) throws Exception {
        long first = Long.MAX_VALUE;
        ExecutorService window = Executors.newFixedThreadPool(WINDOW);
        try {
            // Each row is a profile of its own, so that they need not wait for each other.
            List<Future<Long>> rows = new ArrayList<>();
            members.forEach((profile, a) -> rows.add(window.submit(() -> change(segment, profile, "entered", a))));
            for (Future<Long> row : rows) {
                first = Math.min(first, row.get()); // rule 6: the lowest, when all are acknowledged
            }
        } finally {
            window.shutdownNow();
        }
        if (members.isEmpty()) {
            first = jsm.getStreamInfo(STREAM).getStreamState().getLastSequence() + 1;
        }
        publish("segments.refreshed." + segment + "." + first, "rollcall.segment.refreshed.v1",
            Map.of("segment_id", segment, "first_sequence", first, "count", members.size()));
    }

    /** Says that the person is to be forgotten, with the addresses that you know of. */
    void erase(String profile, String... emails) throws Exception {
        publish("segments.erased." + profileKey(profile), "rollcall.profile.erased.v1",
            Map.of("profile_id", profile, "emails", List.of(emails)));
    }

    /** JSON of maps, lists, strings, numbers and booleans; Jackson or Gson in a program of yours. */
    static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream().map(e -> json(e.getKey().toString()) + ":" + json(e.getValue()))
                .collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Publish::json).collect(Collectors.joining(",", "[", "]"));
        }
        if (!(value instanceof String text)) {
            return String.valueOf(value);
        }
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    public static void main(String[] arguments) throws Exception {
        String url = System.getenv().getOrDefault("NATS_URL", "nats://127.0.0.1:4222");
        try (Connection nc = Nats.connect(url)) {
            story(new Publish(nc));
        }
    }

    static void story(Publish p) throws Exception {
        Map<String, String> ada = Map.of("email", "ada@example.com", "first_name", "Ada", "country", "GB");
        Map<String, String> zoe = Map.of("email", "zoe@example.com", "first_name", "Zo\u00eb",
            "city", "{{Count}} {{Time}}"); // arrives as it is
        Map<String, String> grace = Map.of("email", "grace@example.com", "first_name", "Grace");
        Map<String, String> linus = Map.of("email", "linus@example.com", "first_name", "Linus");

        // A segment that has no members yet.
        p.refresh("newsletter-optin", Map.of());

        // Rule 4: the next event of a profile follows the acknowledgement of the one before. An exit carries current
        // attributes.
        p.change("high-value", "c0ffee", "entered", ada);
        p.change("high-value", "zo\u00eb/7", "entered", zoe); // an id that can't stand in a subject
        p.change("high-value", "grace", "entered", grace);
        p.change("high-value", "grace", "exited", grace);
        p.change("newsletter-optin", "bob", "entered", Map.of("email", "bob@example.com"));
        p.change("high-value", "linus", "entered", linus);

        // Rule 5: nobody else publishes changes of the segment meanwhile. Bob is not in it any more.
        p.refresh("newsletter-optin", Map.of("c0ffee", ada, "zo\u00eb/7", zoe));

        p.erase("linus", "linus@example.com");
    }
}
