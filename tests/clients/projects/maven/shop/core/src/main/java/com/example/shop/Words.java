package com.example.shop;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import org.apache.commons.cli.Options;

public final class Words {
    public static final Options NONE = new Options();

    private Words() {}

    public static String greeting() throws IOException {
        try (InputStream in = Words.class.getResourceAsStream("/words.properties")) {
            Properties words = new Properties();
            words.load(in);
            return words.getProperty("greeting");
        }
    }
}
