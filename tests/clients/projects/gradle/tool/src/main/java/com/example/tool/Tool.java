package com.example.tool;

import org.apache.commons.cli.Options;

public final class Tool {
    private Tool() {}

    public static Options options() {
        return new Options();
    }
}
