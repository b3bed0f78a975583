import sys

from benchmarks import stopping

if __name__ == "__main__":
    if sys.argv[1:2] == ["doctor"]:
        # Before typer is imported, which may be what is missing.
        from benchmarks.doctor.command import main as doctor

        sys.exit(doctor(sys.argv[2:]))
    stopping.install()
    try:
        from benchmarks.cli.app import main
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(stopping.exit_status())
    main()
