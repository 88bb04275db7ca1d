package io.nats.client;

import io.nats.client.impl.Headers;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

public class Connection implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final String inbox = "_INBOX." + UUID.randomUUID();
    private final Map<String, CompletableFuture<String>> waiting = new ConcurrentHashMap<>();

    Connection(String url) throws IOException {
        URI uri = URI.create(url);
        socket = new Socket(uri.getHost(), uri.getPort() < 0 ? 4222 : uri.getPort());
        in = new BufferedInputStream(socket.getInputStream());
        out = socket.getOutputStream();
        line(); // INFO
        send(text("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n"
            + "SUB " + inbox + ".* 1\r\n"));
        Thread reader = new Thread(this::read);
        reader.setDaemon(true);
        reader.start();
    }

    public JetStream jetStream(JetStreamOptions options) {
        return new JetStream(this, options);
    }

    public JetStreamManagement jetStreamManagement() {
        return new JetStreamManagement(this);
    }

    @Override
    public void close() throws InterruptedException {
        try {
            socket.close();
        } catch (IOException gone) {
            // it is closed all the same
        }
    }

    String request(String subject, Headers headers, byte[] body, Duration timeout) throws IOException {
        String reply = inbox + "." + UUID.randomUUID();
        CompletableFuture<String> answer = new CompletableFuture<>();
        waiting.put(reply, answer);
        byte[] head = headers == null ? new byte[0] : text(headers.encoded());
        String sizes = headers == null ? "" + body.length : head.length + " " + (head.length + body.length);
        try {
            String verb = headers == null ? "PUB" : "HPUB";
            send(text(String.join(" ", verb, subject, reply, sizes) + "\r\n"), head, body, text("\r\n"));
            return answer.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            throw new IOException("Timeout or no response waiting for NATS JetStream server");
        } finally {
            waiting.remove(reply);
        }
    }

    private synchronized void send(byte[]... parts) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.write(part);
        }
        out.write(all.toByteArray());
        out.flush();
    }

    private void read() {
        try {
            for (String line = line(); line != null; line = line()) {
                String[] words = line.split(" ");
                if (words[0].equals("PING")) {
                    send(text("PONG\r\n"));
                } else if (words[0].equals("MSG") || words[0].equals("HMSG")) {
                    byte[] body = in.readNBytes(Integer.parseInt(words[words.length - 1]));
                    line();
                    int head = words[0].equals("HMSG") ? Integer.parseInt(words[words.length - 2]) : 0;
                    answer(words[1], new String(body, 0, head, StandardCharsets.UTF_8),
                        new String(body, head, body.length - head, StandardCharsets.UTF_8));
                }
            }
        } catch (IOException gone) {
            // whoever waits gets no answer
        }
    }

    private void answer(String reply, String head, String body) {
        CompletableFuture<String> answer = waiting.get(reply);
        if (answer == null) {
            return;
        }
        if (head.startsWith("NATS/1.0 503")) {
            answer.completeExceptionally(new IOException("503 No Responders Available For Request"));
        } else {
            answer.complete(body);
        }
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int c = in.read(); c >= 0; c = in.read()) {
            if (c == '\n') {
                return line.toString(StandardCharsets.UTF_8).stripTrailing();
            }
            line.write(c);
        }
        return null;
    }

    private static byte[] text(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }
}
