"""Golden values of test/data/counter-hash.test.ts, run by hand: python3 test/data/counter-hash.py"""

M = 2**32


def mix(h):
    h = (h ^ (h >> 16)) * 0x85EBCA6B % M
    h = (h ^ (h >> 13)) * 0xC2B2AE35 % M
    return h ^ (h >> 16)


def absorb(h, word):
    return mix(((h ^ (word * 0x9E3779B9 % M)) + 1) % M)


def epoch_key(seed, epoch):
    h = 0
    for value in (seed, epoch):
        h = absorb(absorb(h, value % M), value // M)
    return h


print(epoch_key(42, 0), epoch_key(2**40 + 1, 7), absorb(absorb(epoch_key(42, 3), 12345), 2))
