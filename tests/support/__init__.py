"""What several tests build on: scripted servers, certificates, builders. Fakes here implement the real interfaces."""
