package com.example.tool;

import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class ToolTest {
    @Test
    public void hasNoOptions() {
        assertTrue(Tool.options().getOptions().isEmpty());
    }
}
