package com.example.shop.app;

import com.example.shop.Words;

public final class App {
    private App() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println(Words.greeting());
    }
}
