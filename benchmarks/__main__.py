import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["doctor"]:
        # Before typer is imported, which may be what is missing.
        from benchmarks.doctor.command import main as doctor

        sys.exit(doctor(sys.argv[2:]))
    from benchmarks.cli import main

    main()
