package com.example.greet;

import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugins.annotations.Mojo;

@Mojo(name = "say", requiresProject = false)
public class Say extends AbstractMojo {
    @Override
    public void execute() {
        System.out.println("well met");
    }
}
