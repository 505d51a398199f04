package com.example.shop;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class WordsTest {
    @Test
    public void greets() throws Exception {
        assertEquals("well met", Words.greeting());
    }
}
