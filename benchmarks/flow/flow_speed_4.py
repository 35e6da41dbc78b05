"""Times of flows beside nflows, normflows and zuko, by four threads."""

from .flow_speed import speed

BENCH = speed(__file__, 4)

if __name__ == "__main__":
    BENCH.main()
