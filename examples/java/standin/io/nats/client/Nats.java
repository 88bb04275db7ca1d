package io.nats.client;

import java.io.IOException;

/**
 * Package io.nats.client is here a stand-in for jnats, for tests on machines that can't fetch it: the few calls that
 * Publish.java makes, with the same names and exceptions, over NATS' own protocol. It neither reconnects nor knows TLS
 * or credentials: use the real client.
 */
public class Nats {
    public static Connection connect(String url) throws IOException, InterruptedException {
        return new Connection(url);
    }
}
