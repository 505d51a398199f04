"""What every `Repository` must do, whatever its kind, and with any rule around it.

A plug-in is a class of tests that derives from `ReadOnlySuite` (what nothing can be published to) or `PublishingSuite`
and says by two fixtures and one word how such a repository comes to be::

    class TestHosted(PublishingSuite):
        owning = True  # is a name its own that it holds something of?

        @pytest.fixture
        def make(self, store: Store) -> Make:
            async def make(held: Mapping[str, bytes]) -> Repository: ...  # it holds these paths, and no others
            return make

``store``, over which the repository must be made, is the fixture of ``conftest.py``; the format is `PlainFormat`; the
repositories may have any name. ``make`` is called once in each test.
"""
